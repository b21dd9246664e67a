// One request to a chat-completions endpoint, with RestSharp.
// Install: dotnet add package RestSharp (112 or newer)
// Run:     dotnet run (this file as Program.cs of dotnet new console)
// Key:     the environment variable WCODE_API_KEY
#nullable disable
using System;
using System.IO;
using System.Linq;
using System.Net.Http;
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
  ""messages"": [{""role"": ""user"", ""content"": ""数到三。""}],
  ""temperature"": 0.0,
  ""top_k"": 1,
  ""stream"": true
}";
    static bool shown, ended;
    static string last = "";

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
            request.CompletionOption = HttpCompletionOption.ResponseHeadersRead;
            request.AdvancedResponseWriter = (answer, asked) =>
            {
                var lines = new StreamReader(answer.Content.ReadAsStream());
                if (!answer.IsSuccessStatusCode)
                    throw new Exception($"{(int)answer.StatusCode} {lines.ReadToEnd()}");
                Show(lines);
                return new RestResponse(asked);
            };
            var response = await client.ExecuteAsync(request);
            if (response.ErrorException != null)
                throw response.ErrorException;
            return 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine((error.InnerException ?? error).Message);
            return 1;
        }
    }

    static void Show(TextReader lines)
    {
        var all = new StringBuilder();
        for (string line; (line = lines.ReadLine()) != null;)
        {
            all.AppendLine(line);
            Take(line);
        }
        if (!shown && !ended)
            Take($"data:{all}"); // the server does not stream
        if (!ended)
            throw new Exception($"the answer was cut off: {last}");
        Console.WriteLine(shown ? "" : $"{all}");
    }

    static void Take(string line)
    {
        var found = Regex.Match(line, @"^(data|error): *(.*\S)", RegexOptions.Singleline);
        if (!found.Success)
            return;
        last = found.Groups[2].Value;
        if (last == "[DONE]")
        {
            ended = true;
            return;
        }
        var answer = Read(last);
        if (answer == null || found.Groups[1].Value == "error")
            throw new Exception(last);
        var choice = (answer["choices"] as JsonArray)?.FirstOrDefault();
        var part = choice?["delta"] ?? choice?["message"];
        var text = $"{part?["content"] as JsonValue}";
        Console.Write(text);
        shown |= text != "";
        ended |= (choice?["message"] ?? choice?["finish_reason"]) != null;
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
