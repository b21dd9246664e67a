<?php

// One request to a chat-completions endpoint, with Guzzle.
// Install: PHP 8.1 or newer; composer require guzzlehttp/guzzle
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

require __DIR__ . '/vendor/autoload.php';

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

$client = new GuzzleHttp\Client();
try {
    $response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
        'headers' => ['Authorization' => "Bearer $key", 'Content-Type' => 'application/json'],
        'body' => $body,
        'http_errors' => false,
        'stream' => true,
    ]);
    $status = $response->getStatusCode();
    $stream = $response->getBody();
    $status < 400 || fail("$status $stream");
    while (!$stream->eof()) {
        $all .= $line = GuzzleHttp\Psr7\Utils::readLine($stream);
        array_map('take', explode("\r", rtrim($line, "\n")));
    }
} catch (RuntimeException $error) {
    fail(strtok($error->getMessage(), "\n"));
}

$shown || $ended || take("data:$all"); // the server does not stream
$ended || fail("the answer was cut off: $last");
echo $shown ? '' : $all, "\n";
