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
              "messages": [{"role": "user", "content": "Hello"}],
              "metadata": {
                "__proto__": 1,
                "constructor": {"prototype": 2},
                "0": "zero",
                "": null,
                "\\" => ' $x #{x} \\u0000 \\u2028": [true, false, null, [], {}, "", 0],
                "numbers": [
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
