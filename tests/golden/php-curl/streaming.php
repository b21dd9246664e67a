<?php

// One request to a chat-completions endpoint, with cURL.
// Install: PHP 8.1 or newer with its curl extension
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

function fail(string $message): never
{
    fwrite(STDERR, "$message\n");
    exit(1);
}

// The answer, or null; half a surrogate pair becomes U+FFFD.
function read(string $data): ?array
{
    $pair = '\\\\(?:[^u]|u[dD][89abAB]..\\\\u[dD][c-fC-F]..)';
    $half = "/$pair(*SKIP)(*FAIL)|\\\\u[dD][89a-fA-F]../";
    $json = preg_replace(['/^\xEF\xBB\xBF/', $half], ['', '\ufffd'], $data);
    $answer = json_decode($json, true, 512, JSON_INVALID_UTF8_SUBSTITUTE);
    $isObject = is_array($answer) && !array_is_list($answer);
    return $isObject && empty($answer['error']) ? $answer : null;
}

$key = getenv('WCODE_API_KEY') ?: fail('WCODE_API_KEY must hold your key');

$body = json_encode([
    'model' => 'qwen/qwen-2.5-7b-instruct',
    'messages' => [['role' => 'user', 'content' => '数到三。']],
    'temperature' => 0.0,
    'top_k' => 1,
    'stream' => true,
]);

$all = $last = '';
$shown = $ended = false;

function take(string $line): void
{
    global $last, $shown, $ended;
    if (!preg_match('/^(?:\xEF\xBB\xBF)?(data|error): *(.*\S)/s', $line, $found)) {
        return;
    }
    [, $field, $last] = $found;
    $done = $last === '[DONE]';
    $event = $done ? [] : ($field === 'data' ? read($last) : null) ?? fail($last);
    $choice = $event['choices'][0] ?? [];
    $text = ($choice['delta'] ?? $choice['message'] ?? [])['content'] ?? '';
    echo $text = is_string($text) ? $text : '';
    $shown = $shown || $text !== '';
    $ended = $ended || $done || isset($choice['message']) || isset($choice['finish_reason']);
}

$curl = curl_init('https://wcode.net/api/gpt/v1/chat/completions');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer $key",
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_WRITEFUNCTION => function ($curl, string $chunk) use (&$all, &$rest): int {
        $all .= $chunk;
        $lines = preg_split('/[\r\n]/', $rest . $chunk);
        $rest = array_pop($lines);
        curl_getinfo($curl, CURLINFO_RESPONSE_CODE) < 400 && array_map('take', $lines);
        return strlen($chunk);
    },
]);
curl_exec($curl);
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if (curl_errno($curl) || $status >= 400) {
    fail(curl_error($curl) ?: "$status $all");
}

take($rest ?? '');
$shown || $ended || take("data:$all"); // the server does not stream
$ended || fail("the answer was cut off: $last");
echo $shown ? '' : $all, "\n";
