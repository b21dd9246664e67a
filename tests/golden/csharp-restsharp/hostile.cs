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
    {
      ""role"": ""system"",
      ""content"": ""quotes ' \"" ` ''' \""\""\"" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \""# \""## r#\"" \""### \""\""\""# \\#(x) R\""( )\"" @\""\"" $@\""\"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\""
    },
    {
      ""role"": ""user"",
      ""content"": ""quotes ' \"" ` ''' \""\""\"" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \""# \""## r#\"" \""### \""\""\""# \\#(x) R\""( )\"" @\""\"" $@\""\"" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\""
    }
  ],
  ""stop"": [""\\"", ""'"", ""\""""]
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
