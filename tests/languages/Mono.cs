// What the C# export needs of .NET that Mono 6.8 lacks (Debian has no .NET): an
// asynchronous Main, and the part of System.Text.Json that reads the answer. What is
// sent does not pass through here.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
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
    public sealed class JsonException : Exception
    {
        public JsonException(string message) : base(message)
        {
        }
    }
}

namespace System.Text.Json.Nodes
{
    public class JsonNode
    {
        protected JToken token;

        public JsonNode this[string name]
        {
            get
            {
                if (this is JsonObject)
                {
                    return Of(token[name]);
                }
                throw new InvalidOperationException("The node must be a JsonObject.");
            }
        }

        public static JsonNode Parse(string json)
        {
            try
            {
                var reader = new JsonTextReader(new StringReader(json)) { MaxDepth = 64 };
                var token = JToken.ReadFrom(reader);
                if (reader.Read())
                {
                    throw new JsonException("More follows the value.");
                }
                return Of(token);
            }
            catch (JsonReaderException wrong)
            {
                throw new JsonException(wrong.Message);
            }
        }

        internal static JsonNode Of(JToken token)
        {
            switch (token == null ? JTokenType.Null : token.Type)
            {
                case JTokenType.Null: return null;
                case JTokenType.Object: return new JsonObject { token = token };
                case JTokenType.Array: return new JsonArray { token = token };
                default: return new JsonValue { token = token };
            }
        }

        public string ToJsonString()
        {
            return token.ToString(Formatting.None);
        }

        public override string ToString()
        {
            return token.ToString();
        }
    }

    public sealed class JsonObject : JsonNode
    {
    }

    public sealed class JsonValue : JsonNode
    {
    }

    public sealed class JsonArray : JsonNode, IEnumerable<JsonNode>
    {
        public JsonArray()
        {
            token = new JArray();
        }

        public IEnumerator<JsonNode> GetEnumerator()
        {
            return ((JArray)token).Select(Of).GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }
    }
}
