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
import okio.BufferedSource;

public class Ask {
    static final String BODY = """
            {
              "model": "qwen/qwen-2.5-7b-instruct",
              "messages": [{"role": "user", "content": "数到三。"}],
              "temperature": 0.0,
              "top_k": 1,
              "stream": true
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
            if (!response.isSuccessful()) {
                fail(response.code() + " " + response.body().string());
            }
            BufferedSource lines = response.body().source();
            for (String line = lines.readUtf8Line(); line != null; ) {
                if (line.startsWith("data:")) {
                    show(line.substring("data:".length()).trim());
                }
                line = lines.readUtf8Line();
            }
            System.out.println();
        }
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }

    static void show(String data) {
        if (!data.startsWith("{")) {
            return;
        }
        JsonObject event = JsonParser.parseString(data).getAsJsonObject();
        if (event.has("error")) {
            fail(event.get("error").toString());
        }
        for (JsonElement choice : event.getAsJsonArray("choices")) {
            JsonElement content = choice.getAsJsonObject()
                .getAsJsonObject("delta").get("content");
            if (content != null && !content.isJsonNull()) {
                System.out.print(content.getAsString());
                System.out.flush();
            }
        }
    }

    static void fail(String message) {
        System.err.println(message);
        System.exit(1);
    }
}
