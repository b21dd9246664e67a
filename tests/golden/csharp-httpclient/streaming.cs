// One request to a chat-completions endpoint, with HttpClient.
// Install: .NET 6 or newer; nothing else
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;

static class Program
{
    const string Body = @"{
  ""model"": ""qwen/qwen-2.5-7b-instruct"",
  ""messages"": [{""role"": ""user"", ""content"": ""数到三。""}],
  ""temperature"": 0.0,
  ""top_k"": 1,
  ""stream"": true
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
            var whenStarted = HttpCompletionOption.ResponseHeadersRead;
            using (var response = await client.SendAsync(request, whenStarted))
            {
                if (!response.IsSuccessStatusCode)
                {
                    var text = await response.Content.ReadAsStringAsync();
                    Console.Error.WriteLine($"{(int)response.StatusCode} {text}");
                    return 1;
                }
                var stream = await response.Content.ReadAsStreamAsync();
                using (var lines = new StreamReader(stream, Encoding.UTF8))
                {
                    for (string line; (line = await lines.ReadLineAsync()) != null; )
                    {
                        if (line.StartsWith("data:"))
                        {
                            Show(line.Substring("data:".Length).Trim());
                        }
                    }
                }
                Console.WriteLine();
            }
        }
        return 0;
    }

    static void Show(string data)
    {
        if (!data.StartsWith("{"))
        {
            return;
        }
        using (var document = JsonDocument.Parse(data))
        {
            var chunk = document.RootElement;
            if (chunk.TryGetProperty("error", out var error))
            {
                Console.Error.WriteLine(error.GetRawText());
                Environment.Exit(1);
            }
            foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
            {
                if (choice.GetProperty("delta").TryGetProperty("content", out var content))
                {
                    Console.Write(content.GetString());
                }
            }
        }
    }
}
