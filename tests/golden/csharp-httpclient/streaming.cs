// One request to a chat-completions endpoint, with HttpClient.
// Install: .NET 6 or newer; nothing else
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
#nullable disable
using System;
using System.IO;
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
  ""messages"": [{""role"": ""user"", ""content"": ""数到三。""}],
  ""temperature"": 0.0,
  ""top_k"": 1,
  ""stream"": true
}";
    static bool shown, ended;

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
                var whenStarted = HttpCompletionOption.ResponseHeadersRead;
                using (var response = await client.SendAsync(request, whenStarted))
                {
                    var stream = await response.Content.ReadAsStreamAsync();
                    var lines = new StreamReader(stream, Encoding.UTF8);
                    if (!response.IsSuccessStatusCode)
                    {
                        return Fail($"{(int)response.StatusCode} {lines.ReadToEnd()}");
                    }
                    Take(lines);
                    return 0;
                }
            }
        }
        catch (Exception error)
        {
            return Fail((error.InnerException ?? error).Message);
        }
    }

    static void Take(TextReader lines)
    {
        var all = "";
        for (string line; (line = lines.ReadLine()) != null;)
        {
            all += line + "\n";
            var found = Regex.Match(line, @"^(data|error): *(.*\S)");
            var data = found.Groups[2].Value;
            if (found.Groups[1].Value == "error")
            {
                Fail(data);
            }
            else if (data == "[DONE]")
            {
                ended = true;
            }
            else if (found.Success)
            {
                Show(data);
            }
        }
        if (!shown && !ended)
        {
            Show(all);
        }
        if (!ended)
        {
            Fail("the answer was cut off");
        }
        Console.WriteLine(shown ? "" : all);
    }

    static void Show(string data)
    {
        var answer = Read(data);
        if (answer == null)
        {
            Fail(data);
        }
        foreach (var choice in answer["choices"] as JsonArray ?? new JsonArray())
        {
            var text = Text(choice["delta"] ?? choice["message"]);
            Console.Write(text);
            shown |= text != "";
            ended |= (choice["message"] ?? choice["finish_reason"]) != null;
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
