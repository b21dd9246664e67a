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
  ""messages"": [{""role"": ""user"", ""content"": ""Hello""}],
  ""metadata"": {
    ""__proto__"": 1,
    ""constructor"": {""prototype"": 2},
    ""0"": ""zero"",
    """": null,
    ""\"" => ' $x #{x} \u0000 \u2028"": [true, false, null, [], {}, """", 0],
    ""numbers"": [
      0,
      -1,
      9007199254740993,
      18446744073709551616,
      -1180591620717411303424,
      1e-07,
      1.5e300,
      0.1,
      -2.5
    ]
  }
}";

    static async Task<int> Main()
    {
        var key = Environment.GetEnvironmentVariable("WCODE_API_KEY");
        if (string.IsNullOrEmpty(key))
        {
            return Fail("WCODE_API_KEY must hold your key");
        }

        try
        {
            using (var client = new HttpClient { Timeout = TimeSpan.FromMinutes(10) })
            using (var request = new HttpRequestMessage(HttpMethod.Post, "https://wcode.net/api/gpt/v1/chat/completions"))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
                request.Content = new StringContent(Body, Encoding.UTF8, "application/json");
                var response = await client.SendAsync(request);
                var bytes = await response.Content.ReadAsByteArrayAsync();
                var text = Encoding.UTF8.GetString(bytes);
                var answer = Read(text);
                if (answer == null || !response.IsSuccessStatusCode)
                {
                    return Fail($"{(int)response.StatusCode} {text}");
                }

                var choices = answer["choices"] as JsonArray;
                var message = choices?.FirstOrDefault()?["message"] ?? answer;
                Console.WriteLine(Text(message) != "" ? Text(message) : message.ToJsonString());
                return 0;
            }
        }
        catch (Exception error)
        {
            return Fail((error.InnerException ?? error).Message);
        }
    }

    static JsonNode Read(string text)
    {
        // half a surrogate pair becomes U+FFFD
        var half = @"\\(?:[^u]|u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..))";
        text = Regex.Replace(text, half, m => m.Groups[1].Success ? @"\ufffd" : m.Value);
        try
        {
            var answer = JsonNode.Parse(text.TrimStart('\uFEFF')) as JsonObject;
            return answer?["error"] == null ? answer : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static string Text(JsonNode part)
    {
        var isText = part?["content"] is JsonValue;
        return isText ? part["content"].ToString() : "";
    }

    static int Fail(string message)
    {
        Console.Error.WriteLine(message.Trim() != "" ? message : "the answer is empty");
        Environment.Exit(1);
        return 1;
    }
}
