<?php

// One request to a chat-completions endpoint, with cURL.
// Install: PHP 8.1 or newer with its curl extension
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

function fail(string $message): never
{
    fwrite(STDERR, (trim($message) ?: 'the answer is empty') . "\n");
    exit(1);
}

// half a surrogate pair becomes U+FFFD; null for what is no answer
function read(string $data): ?array
{
    $half = '/\\\\(?:[^u]|u[dD][89abAB]..\\\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..))/';
    $mark = fn ($found) => isset($found[1]) ? '\ufffd' : $found[0];
    $text = preg_replace_callback($half, $mark, preg_replace('/^\xEF\xBB\xBF/', '', $data));
    $answer = json_decode($text, true, 512, JSON_INVALID_UTF8_SUBSTITUTE);
    $isObject = is_array($answer) && str_starts_with(ltrim($text), '{');
    return $isObject && empty($answer['error']) ? $answer : null;
}

$key = getenv('WCODE_API_KEY');
if (!$key) {
    fail('WCODE_API_KEY must hold your key');
}

$body = json_encode([
    'model' => 'qwen/qwen-2.5-7b-instruct',
    'messages' => [['role' => 'user', 'content' => '数到三。']],
    'temperature' => 0.0,
    'top_k' => 1,
    'stream' => true,
]);

$all = $rest = '';
$shown = $ended = false;

function show(string $data): void
{
    global $shown, $ended;
    $event = read($data) ?? fail($data);
    foreach ($event['choices'] ?? [] as $choice) {
        $text = ($choice['delta'] ?? $choice['message'] ?? [])['content'] ?? '';
        echo is_string($text) ? $text : '';
        $shown = $shown || $text;
        $ended = $ended || isset($choice['message']) || isset($choice['finish_reason']);
    }
}

function take(string $chunk): void
{
    global $all, $rest, $ended;
    $all .= $chunk;
    $lines = preg_split('/[\r\n]/', $rest . $chunk);
    $rest = array_pop($lines);
    foreach ($lines as $line) {
        if (!preg_match('/^(?:\xEF\xBB\xBF)?(data|error): *(.*\S)/', $line, $found)) {
            continue;
        }
        $ended = $ended || $found[2] === '[DONE]';
        $found[1] === 'error' ? fail($line) : ($found[2] === '[DONE]' || show($found[2]));
    }
}

$curl = curl_init('https://wcode.net/api/gpt/v1/chat/completions');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer $key",
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_WRITEFUNCTION => function ($curl, string $chunk) use (&$all): int {
        curl_getinfo($curl, CURLINFO_RESPONSE_CODE) < 400 ? take($chunk) : $all .= $chunk;
        return strlen($chunk);
    },
]);
curl_exec($curl);
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if (curl_errno($curl) || $status >= 400) {
    fail(curl_error($curl) ?: "$status $all");
}

if (!$shown && !$ended) {
    show($all);
}
if (!$ended) {
    fail('the answer was cut off');
}
echo $shown ? '' : $all, "\n";
