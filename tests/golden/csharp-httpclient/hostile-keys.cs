// One request to a chat-completions endpoint, with HttpClient.
// Install: .NET 6 or newer; nothing else
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
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
            Console.Error.WriteLine("WCODE_API_KEY must hold your key");
            return 1;
        }

        using (var client = new HttpClient { Timeout = TimeSpan.FromMinutes(10) })
        using (var request = new HttpRequestMessage(HttpMethod.Post, "https://wcode.net/api/gpt/v1/chat/completions"))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            request.Content = new StringContent(Body, Encoding.UTF8, "application/json");
            var response = await client.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            if (!response.IsSuccessStatusCode)
            {
                Console.Error.WriteLine($"{(int)response.StatusCode} {text}");
                return 1;
            }

            using (var answer = JsonDocument.Parse(text))
            {
                var message = answer.RootElement.GetProperty("choices")[0].GetProperty("message");
                var said = message.TryGetProperty("content", out var content);
                Console.WriteLine((said ? content.GetString() : null) ?? text);
            }
        }
        return 0;
    }
}
