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
    "  \"messages\": [{\"role\": \"user\", \"content\": \"数到三。\"}],\n"
    "  \"temperature\": 0.0,\n"
    "  \"top_k\": 1,\n"
    "  \"stream\": true\n"
    "}";

struct text {
    char *start;
    size_t length;
    size_t done;
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

static int shown, ended;
static char last[1000];

static void take(char *line)
{
    if (strncmp(line, "\xEF\xBB\xBF", 3) == 0)
        line += 3;
    int failed = strncmp(line, "error:", 6) == 0;
    char *data = line + strcspn(line, ":");
    data += strspn(data, ": \r\n");
    if (*data == '\0' || (!failed && strncmp(line, "data:", 5) != 0))
        return;
    snprintf(last, sizeof last, "%s", data);
    if (strncmp(data, "[DONE]", 6) == 0) {
        ended = 1;
        return;
    }
    cJSON *event = read_answer(data);
    if (event == NULL || failed)
        fail(data);
    cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItem(event, "choices"), 0);
    cJSON *message = cJSON_GetObjectItem(choice, "message");
    cJSON *delta = cJSON_GetObjectItem(choice, "delta");
    cJSON *content = cJSON_GetObjectItem(delta ? delta : message, "content");
    const char *text = cJSON_GetStringValue(content);

    if (text != NULL && *text != '\0')
        shown = fputs(text, stdout) >= 0;
    fflush(stdout);
    if (cJSON_IsObject(message) || cJSON_IsString(cJSON_GetObjectItem(choice, "finish_reason")))
        ended = 1;
    cJSON_Delete(event);
}

static size_t receive(char *data, size_t size, size_t count, void *target)
{
    struct text *all = target;
    long status = 0;
    char *end;

    append(all, data, size * count);
    curl_easy_getinfo(all->curl, CURLINFO_RESPONSE_CODE, &status);
    while (status < 400 && (end = strpbrk(all->start + all->done, "\r\n")) != NULL) {
        char mark = *end;

        *end = '\0';
        take(all->start + all->done);
        *end = mark;
        all->done = (size_t)(end + 1 - all->start);
    }
    return size * count;
}

int main(void)
{
    const char *key = getenv("WCODE_API_KEY");
    struct text authorization = {0}, answer = {0}, whole = {0};
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
    answer.curl = curl;
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
    if (status >= 400) {
        fprintf(stderr, "%ld %s\n", status, answer.start);
        return 1;
    }
    take(answer.start + answer.done);
    if (!shown && !ended) { /* the server does not stream */
        append(&whole, "data:", 5);
        append(&whole, answer.start, answer.length);
        take(whole.start);
    }
    if (!ended) {
        fprintf(stderr, "the answer was cut off: %s\n", last);
        return 1;
    }
    puts(shown ? "" : answer.start);

    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(authorization.start);
    free(answer.start);
    return 0;
}
