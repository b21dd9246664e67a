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
              "messages": [{"role": "user", "content": "你好"}]
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
