// One request to a chat-completions endpoint, with RestSharp.
// Install: dotnet add package RestSharp (112 or newer)
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
#nullable disable
using System;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RestSharp;

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

            var client = new RestClient(new RestClientOptions { Timeout = TimeSpan.FromMinutes(10) });
            var request = new RestRequest("https://wcode.net/api/gpt/v1/chat/completions", Method.Post)
                .AddHeader("Authorization", $"Bearer {key}")
                .AddStringBody(Body, DataFormat.Json);
            var response = await client.ExecuteAsync(request);
            var text = Encoding.UTF8.GetString(response.RawBytes ?? Array.Empty<byte>());
            var answer = Read(text);
            if (answer == null || !response.IsSuccessful)
                throw new Exception($"{(int)response.StatusCode} {text} {response.ErrorMessage}".Trim());
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
