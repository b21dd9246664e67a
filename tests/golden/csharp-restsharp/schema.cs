// One request to a chat-completions endpoint, with RestSharp.
// Install: dotnet add package RestSharp (112 or newer)
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
using System;
using System.Text.Json;
using System.Threading.Tasks;
using RestSharp;

static class Program
{
    const string Body = @"{
  ""model"": ""qwen/qwen-2.5-7b-instruct"",
  ""messages"": [{""role"": ""user"", ""content"": ""A trip, as JSON.""}],
  ""response_format"": {
    ""type"": ""json_schema"",
    ""json_schema"": {
      ""name"": ""trip"",
      ""strict"": true,
      ""schema"": {
        ""type"": ""object"",
        ""properties"": {""city"": {""type"": ""string""}, ""days"": {""type"": ""integer""}},
        ""required"": [""city"", ""days""],
        ""additionalProperties"": false
      }
    }
  },
  ""structured_outputs"": true
}";

    static async Task<int> Main()
    {
        var key = Environment.GetEnvironmentVariable("WCODE_API_KEY");
        if (string.IsNullOrEmpty(key))
        {
            Console.Error.WriteLine("WCODE_API_KEY must hold your key");
            return 1;
        }

        var options = new RestClientOptions { Timeout = TimeSpan.FromMinutes(10) };
        using var client = new RestClient(options);
        var request = new RestRequest("https://wcode.net/api/gpt/v1/chat/completions", Method.Post)
            .AddHeader("Authorization", $"Bearer {key}")
            .AddStringBody(Body, DataFormat.Json);
        var response = await client.ExecuteAsync(request);
        var text = response.Content ?? "";
        if (!response.IsSuccessful)
        {
            Console.Error.WriteLine($"{(int)response.StatusCode} {text} {response.ErrorMessage}");
            return 1;
        }

        using var answer = JsonDocument.Parse(text);
        var message = answer.RootElement.GetProperty("choices")[0].GetProperty("message");
        var said = message.TryGetProperty("content", out var content);
        Console.WriteLine((said ? content.GetString() : null) ?? text);
        return 0;
    }
}
