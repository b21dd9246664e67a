// One request to a chat-completions endpoint, with OkHttp.
// Install: Java 17 or newer; com.squareup.okhttp3:okhttp (3.12 or newer; from 5 okhttp-jvm) and com.google.code.gson:gson, with what they need
// Run:     java -cp 'jars/*' -Dfile.encoding=UTF-8 ask.java
// Key:     the environment variable WCODE_API_KEY
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
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
                {
                  "role": "user",
                  "content": [
                    {
                      "type": "image_url",
                      "image_url": {
                        "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC"
                      }
                    },
                    {"type": "text", "text": "One,"},
                    {
                      "type": "image_url",
                      "image_url": {"url": "https://example.com/b.png?x=$1&y='{2}'"}
                    },
                    {"type": "text", "text": " two."}
                  ]
                }
              ],
              "max_tokens": 9
            }""";

    @SuppressWarnings("deprecation") // OkHttp 3 knows this order of arguments alone
    public static void main(String[] args) {
        String key = System.getenv("WCODE_API_KEY");
        if (key == null || key.isEmpty()) {
            System.err.println("WCODE_API_KEY must hold your key");
            System.exit(1);
        }

        OkHttpClient client = new OkHttpClient.Builder().readTimeout(10, TimeUnit.MINUTES).build();
        Request request = new Request.Builder()
            .url("https://wcode.net/api/gpt/v1/chat/completions")
            .header("Authorization", "Bearer " + key)
            .post(RequestBody.create(MediaType.get("application/json"), BODY))
            .build();
        try (Response response = client.newCall(request).execute()) {
            String text = response.body().source().readUtf8();
            JsonObject answer = read(text);
            if (!response.isSuccessful() || answer == null) {
                throw new IOException(response.code() + " " + text);
            }
            JsonElement message = choice(answer).get("message");
            if (!(message instanceof JsonObject)) {
                message = answer;
            }
            String content = content(message);
            System.out.println(content.isEmpty() ? message : content);
        } catch (IOException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }

    static JsonObject read(String text) {
        try {
            JsonObject answer = JsonParser.parseString(text).getAsJsonObject();
            String error = String.valueOf(answer.get("error"));
            return error.matches("null|false|\"\"") ? answer : null;
        } catch (JsonParseException | IllegalStateException wrong) {
            return null;
        }
    }

    static JsonObject choice(JsonObject answer) {
        return answer.get("choices") instanceof JsonArray list
            && list.size() > 0
            && list.get(0) instanceof JsonObject choice ? choice : new JsonObject();
    }

    // half a surrogate pair becomes U+FFFD
    static String content(JsonElement message) {
        String text = message instanceof JsonObject object
            && object.get("content") instanceof JsonPrimitive content ? content.getAsString() : "";
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
    }
}
