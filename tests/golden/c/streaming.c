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
    "  \"messages\": [{\"role\": \"user\", \"content\": \"数到三。\"}],\n"
    "  \"temperature\": 0.0,\n"
    "  \"top_k\": 1,\n"
    "  \"stream\": true\n"
    "}";

struct text {
    char *start;
    size_t length;
    CURL *curl;
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

static void show(const char *line)
{
    const char *data = line + strlen("data:");

    if (strncmp(line, "data:", strlen("data:")) != 0)
        return;
    cJSON *event = cJSON_Parse(data);
    cJSON *error = cJSON_GetObjectItem(event, "error");
    if (error != NULL && !cJSON_IsNull(error)) {
        fprintf(stderr, "%s\n", data);
        exit(1);
    }
    cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItem(event, "choices"), 0);
    cJSON *delta = cJSON_GetObjectItem(choice, "delta");
    const char *content = cJSON_GetStringValue(cJSON_GetObjectItem(delta, "content"));
    if (content != NULL) {
        fputs(content, stdout);
        fflush(stdout);
    }
    cJSON_Delete(event);
}

static size_t receive(char *data, size_t size, size_t count, void *target)
{
    struct text *rest = target;
    long status = 0;
    char *end;

    append(rest, data, size * count);
    curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, &status);
    while (status < 400 && (end = strchr(rest->start, '\n')) != NULL) {
        *end = '\0';
        show(rest->start);
        rest->length -= (size_t)(end + 1 - rest->start);
        memmove(rest->start, end + 1, rest->length + 1);
    }
    return size * count;
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
    answer.curl = curl;
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
    putchar('\n');

    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(authorization.start);
    free(answer.start);
    return 0;
}
