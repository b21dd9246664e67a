// One request to a chat-completions endpoint, with OkHttp.
// Install: Java 15 or newer; the jars of okhttp (3.11 or newer) and gson
// Run:     java -cp 'jars/*' -Dfile.encoding=UTF-8 ask.java
// Key:     the environment variable WCODE_API_KEY
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

public class Ask {
    static final String BODY = """
            {
              "model": "qwen/qwen-2.5-7b-instruct",
              "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Answer in JSON."}
              ],
              "temperature": 0.7,
              "top_p": 0.95,
              "top_k": 40,
              "min_p": 0.05,
              "top_a": 0.1,
              "seed": 42,
              "frequency_penalty": -0.5,
              "presence_penalty": 1.0,
              "repetition_penalty": 1.1,
              "max_tokens": 256,
              "stop": ["END", "\\n\\n"],
              "verbosity": "low",
              "logprobs": true,
              "top_logprobs": 5,
              "logit_bias": {"0": -100.0, "1": 12.5},
              "response_format": {"type": "json_object"},
              "structured_outputs": false,
              "tools": [
                {
                  "type": "function",
                  "function": {
                    "name": "forecast",
                    "description": "The weather of the next days",
                    "parameters": {
                      "type": "object",
                      "properties": {
                        "city": {"type": "string"},
                        "days": {"type": "integer"}
                      },
                      "required": ["city", "days"],
                      "additionalProperties": false
                    }
                  }
                }
              ],
              "tool_choice": {"type": "function", "function": {"name": "forecast"}},
              "parallel_tool_calls": false
            }""";

    public static void main(String[] args) throws IOException {
        String key = System.getenv("WCODE_API_KEY");
        if (key == null || key.isEmpty()) {
            fail("WCODE_API_KEY must hold your key");
        }

        OkHttpClient client = new OkHttpClient.Builder()
            .readTimeout(Duration.ofMinutes(10))
            .build();
        Request request = new Request.Builder()
            .url("https://wcode.net/api/gpt/v1/chat/completions")
            .header("Authorization", "Bearer " + key)
            .post(RequestBody.create(MediaType.get("application/json"), BODY))
            .build();
        try (Response response = client.newCall(request).execute()) {
            String text = response.body().string();
            if (!response.isSuccessful()) {
                fail(response.code() + " " + text);
            }
            JsonElement content = JsonParser.parseString(text).getAsJsonObject()
                .getAsJsonArray("choices").get(0).getAsJsonObject()
                .getAsJsonObject("message").get("content");
            boolean said = content != null && !content.isJsonNull();
            System.out.println(said ? content.getAsString() : text);
        }
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }

    static void fail(String message) {
        System.err.println(message);
        System.exit(1);
    }
}
