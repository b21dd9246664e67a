// One request to a chat-completions endpoint, with libcurl.
// Install: apt install gcc libcurl4-openssl-dev libcjson-dev
// Run:     cc ask.c -o ask -lcurl -lcjson && ./ask
// Key:     the environment variable WCODE_API_KEY
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

static const char body[] =
    "{\n"
    "  \"model\": \"qwen/qwen-2.5-7b-instruct\",\n"
    "  \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}],\n"
    "  \"metadata\": {\n"
    "    \"__proto__\": 1,\n"
    "    \"constructor\": {\"prototype\": 2},\n"
    "    \"0\": \"zero\",\n"
    "    \"\": null,\n"
    "    \"\\\" => ' $x #{x} \\u0000 \\u2028\": [true, false, null, [], {}, \"\", 0],\n"
    "    \"numbers\": [\n"
    "      0,\n"
    "      -1,\n"
    "      9007199254740993,\n"
    "      18446744073709551616,\n"
    "      -1180591620717411303424,\n"
    "      1e-07,\n"
    "      1.5e300,\n"
    "      0.1,\n"
    "      -2.5\n"
    "    ]\n"
    "  }\n"
    "}";

struct text {
    char *start;
    size_t length;
};

static void append(struct text *text, const char *data, size_t size)
{
    text->start = realloc(text->start, text->length + size + 1);
    if (text->start == NULL)
        abort();
    memcpy(text->start + text->length, data, size);
    text->length += size;
    text->start[text->length] = '\0';
}

static size_t receive(char *data, size_t size, size_t count, void *target)
{
    append(target, data, size * count);
    return size * count;
}

static void show(const char *answer)
{
    cJSON *parsed = cJSON_Parse(answer);
    cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItem(parsed, "choices"), 0);
    cJSON *message = cJSON_GetObjectItem(choice, "message");
    const char *content = cJSON_GetStringValue(cJSON_GetObjectItem(message, "content"));

    puts(content != NULL ? content : answer);
    cJSON_Delete(parsed);
}

int main(void)
{
    const char *key = getenv("WCODE_API_KEY");
    struct text authorization = {0}, answer = {0};
    struct curl_slist *headers = NULL;
    long status = 0;

    if (key == NULL || *key == '\0') {
        fputs("WCODE_API_KEY must hold your key\n", stderr);
        return 1;
    }
    append(&authorization, "Authorization: Bearer ", strlen("Authorization: Bearer "));
    append(&authorization, key, strlen(key));
    headers = curl_slist_append(headers, authorization.start);
    headers = curl_slist_append(headers, "Content-Type: application/json");

    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, "https://wcode.net/api/gpt/v1/chat/completions");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "%s\n", curl_easy_strerror(code));
        return 1;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) {
        fprintf(stderr, "%ld %s\n", status, answer.start != NULL ? answer.start : "");
        return 1;
    }
    show(answer.start != NULL ? answer.start : "");

    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(authorization.start);
    free(answer.start);
    return 0;
}
