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
import java.time.Duration;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSource;
import okio.ByteString;

public class Ask {
    static final String BODY = """
            {
              "model": "qwen/qwen-2.5-7b-instruct",
              "messages": [{"role": "user", "content": "数到三。"}],
              "temperature": 0.0,
              "top_k": 1,
              "stream": true
            }""";
    static String all = "";
    static boolean shown, ended;

    @SuppressWarnings("deprecation") // OkHttp 3 knows this order of arguments alone
    public static void main(String[] args) {
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
            BufferedSource source = response.body().source();
            if (!response.isSuccessful()) {
                fail(response.code() + " " + source.readUtf8());
            }
            while (!source.exhausted()) {
                long end = source.indexOfElement(ByteString.encodeUtf8("\r\n"));
                String line = end < 0 ? source.readUtf8() : source.readUtf8(end + 1);
                all += line;
                take(line.strip());
            }
        } catch (IOException error) {
            fail(error.toString());
        }
        if (!shown && !ended) {
            show(all);
        }
        if (!ended) {
            fail("the answer was cut off");
        }
        System.out.println(shown ? "" : all);
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }

    static void take(String line) {
        String data = line.substring(line.indexOf(':') + 1).strip();
        if (line.startsWith("error:")) {
            fail(data);
        } else if (data.equals("[DONE]")) {
            ended = true;
        } else if (line.matches("(?s)\uFEFF?data:.*") && !data.isEmpty()) {
            show(data);
        }
    }

    static void show(String data) {
        JsonObject event = read(data);
        if (event == null) {
            fail(data);
        }
        if (event.get("choices") instanceof JsonArray choices) {
            for (JsonElement each : choices) {
                JsonObject choice = each.getAsJsonObject();
                boolean whole = choice.has("message");
                String text = content(choice.get(whole ? "message" : "delta"));
                System.out.print(whole(text));
                System.out.flush();
                shown |= !text.isEmpty();
                ended |= whole || choice.get("finish_reason") instanceof JsonPrimitive;
            }
        }
    }

    static JsonObject read(String text) {
        try {
            JsonElement answer = JsonParser.parseString(text.replaceFirst("^\uFEFF", ""));
            JsonElement error = answer.getAsJsonObject().get("error");
            return error == null || error.isJsonNull() ? answer.getAsJsonObject() : null;
        } catch (JsonParseException | IllegalStateException wrong) {
            return null;
        }
    }

    static String content(JsonElement message) {
        boolean is = message instanceof JsonObject object
            && object.get("content") instanceof JsonPrimitive;
        return is ? message.getAsJsonObject().get("content").getAsString() : "";
    }

    // half a surrogate pair becomes U+FFFD
    static String whole(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
    }

    static void fail(String message) {
        System.err.println(message.isBlank() ? "the answer is empty" : message);
        System.exit(1);
    }
}
