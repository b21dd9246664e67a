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
  ""messages"": [
    {""role"": ""system"", ""content"": ""你是一位严谨的编辑。""},
    {
      ""role"": ""user"",
      ""content"": ""请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n""
    }
  ],
  ""max_tokens"": 8192
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
