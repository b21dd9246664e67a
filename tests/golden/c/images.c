// One request to a chat-completions endpoint, with libcurl.
// Install: libcurl and cJSON (apt install libcurl4-openssl-dev libcjson-dev)
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
    "  \"messages\": [\n"
    "    {\n"
    "      \"role\": \"user\",\n"
    "      \"content\": [\n"
    "        {\n"
    "          \"type\": \"image_url\",\n"
    "          \"image_url\": {\n"
    "            \"url\": \"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC\"\n"
    "          }\n"
    "        },\n"
    "        {\"type\": \"text\", \"text\": \"One,\"},\n"
    "        {\n"
    "          \"type\": \"image_url\",\n"
    "          \"image_url\": {\"url\": \"https://example.com/b.png?x=$1&y='{2}'\"}\n"
    "        },\n"
    "        {\"type\": \"text\", \"text\": \" two.\"}\n"
    "      ]\n"
    "    }\n"
    "  ],\n"
    "  \"max_tokens\": 9\n"
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

static void fail(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(1);
}

/* Half a surrogate pair becomes U+FFFD, and so does NUL, which ends a string of C. */
static void mend(char *json)
{
    for (char *at = strchr(json, '\\'); at && at[1]; at = strchr(at + 2, '\\')) {
        unsigned first = 0, second = 0;

        if (at[1] != 'u' || sscanf(at, "\\u%4x", &first) != 1)
            continue;
        if (first != 0 && (first < 0xD800 || first > 0xDFFF))
            continue;
        sscanf(at + 6, "\\u%4x", &second);
        if (first != 0 && first < 0xDC00 && second >= 0xDC00 && second <= 0xDFFF)
            at += 6;
        else
            memcpy(at, "\\ufffd", 6);
    }
}

static cJSON *read_answer(char *json)
{
    mend(json);
    cJSON *answer = cJSON_Parse(json);
    cJSON *error = cJSON_GetObjectItem(answer, "error");
    int failed = error && !cJSON_IsNull(error) && !cJSON_IsFalse(error);

    return cJSON_IsObject(answer) && !failed ? answer : NULL;
}

static size_t receive(char *data, size_t size, size_t count, void *target)
{
    append(target, data, size * count);
    return size * count;
}

static void show(cJSON *answer)
{
    cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "choices"), 0);
    cJSON *message = cJSON_GetObjectItem(choice, "message");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(message, "content"));

    if (text != NULL && *text != '\0')
        puts(text);
    else
        puts(cJSON_PrintUnformatted(cJSON_IsObject(message) ? message : answer));
}

int main(void)
{
    const char *key = getenv("WCODE_API_KEY");
    struct text authorization = {0}, answer = {0};
    struct curl_slist *headers = NULL;
    long status = 0;

    if (key == NULL || *key == '\0')
        fail("WCODE_API_KEY must hold your key");
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
    append(&answer, "", 0);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        fail(curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    cJSON *parsed = read_answer(answer.start);
    if (status >= 400 || parsed == NULL) {
        fprintf(stderr, "%ld %s\n", status, answer.start);
        return 1;
    }
    show(parsed);
    cJSON_Delete(parsed);

    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(authorization.start);
    free(answer.start);
    return 0;
}
