// What the C# export needs of .NET that Mono 6.8 lacks (Debian has no .NET): an
// asynchronous Main, and the part of System.Text.Json that reads the answer. What is
// sent does not pass through here.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

static class Mono
{
    static int Main()
    {
        var inner = BindingFlags.NonPublic | BindingFlags.Static;
        var main = typeof(Program).GetMethod("Main", inner);
        return ((Task<int>)main.Invoke(null, null)).GetAwaiter().GetResult();
    }
}

namespace System.Text.Json
{
    public sealed class JsonDocument : IDisposable
    {
        public JsonElement RootElement { get; private set; }

        public static JsonDocument Parse(string json)
        {
            return new JsonDocument { RootElement = new JsonElement(JToken.Parse(json)) };
        }

        public void Dispose()
        {
        }
    }

    public struct JsonElement
    {
        private readonly JToken token;

        internal JsonElement(JToken token)
        {
            this.token = token;
        }

        public JsonElement this[int index] => new JsonElement(((JArray)token)[index]);

        public JsonElement GetProperty(string name)
        {
            if (!TryGetProperty(name, out var found))
            {
                throw new KeyNotFoundException(name);
            }
            return found;
        }

        public bool TryGetProperty(string name, out JsonElement found)
        {
            var inner = ((JObject)token)[name];
            found = new JsonElement(inner);
            return inner != null;
        }

        public IEnumerable<JsonElement> EnumerateArray()
        {
            return ((JArray)token).Select(item => new JsonElement(item));
        }

        public string GetString()
        {
            return (string)token;
        }

        public string GetRawText()
        {
            return token.ToString(Formatting.None);
        }
    }
}
