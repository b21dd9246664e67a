// One request to a chat-completions endpoint, with HttpClient.
// Install: .NET 6 or newer; nothing else
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
#nullable disable
using System;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Tasks;

static class Program
{
    const string Body = @"{
  ""model"": ""qwen/qwen-2.5-7b-instruct"",
  ""messages"": [
    {
      ""role"": ""user"",
      ""content"": [
        {
          ""type"": ""image_url"",
          ""image_url"": {
            ""url"": ""data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC""
          }
        },
        {""type"": ""text"", ""text"": ""One,""},
        {
          ""type"": ""image_url"",
          ""image_url"": {""url"": ""https://example.com/b.png?x=$1&y='{2}'""}
        },
        {""type"": ""text"", ""text"": "" two.""}
      ]
    }
  ],
  ""max_tokens"": 9
}";

    static async Task<int> Main()
    {
        try
        {
            var key = Environment.GetEnvironmentVariable("WCODE_API_KEY");
            if (string.IsNullOrEmpty(key))
                throw new Exception("WCODE_API_KEY must hold your key");

            var client = new HttpClient { Timeout = TimeSpan.FromMinutes(10) };
            var request = new HttpRequestMessage(HttpMethod.Post, "https://wcode.net/api/gpt/v1/chat/completions");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            request.Content = new StringContent(Body, Encoding.UTF8, "application/json");
            var response = await client.SendAsync(request);
            var text = Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync());
            var answer = Read(text);
            if (answer == null || !response.IsSuccessStatusCode)
                throw new Exception($"{(int)response.StatusCode} {text} ".Trim());
            var choice = (answer["choices"] as JsonArray)?.FirstOrDefault();
            var message = choice?["message"] ?? answer;
            var content = $"{(message as JsonObject)?["content"] as JsonValue}";
            Console.WriteLine(content != "" ? content : message.ToJsonString());
            return 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine((error.InnerException ?? error).Message);
            return 1;
        }
    }

    // the answer, or null; half a surrogate pair becomes U+FFFD
    static JsonNode Read(string text)
    {
        var half = @"\\([^u]|u[dD][89abAB]..\\u[dD][c-fC-F]..)|\\u[dD][89a-fA-F]..";
        text = Regex.Replace(text, half, m => m.Groups[1].Success ? m.Value : @"\ufffd");
        try
        {
            var answer = JsonNode.Parse(text.TrimStart('\uFEFF')) as JsonObject;
            return Regex.IsMatch($"{answer?["error"]}", "(?i)^(false)?$") ? answer : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
