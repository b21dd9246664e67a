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

$body = '{"model": "qwen/qwen-2.5-7b-instruct", "messages": [{"role": "user", "content": "Hello"}], "metadata": {"__proto__": 1, "constructor": {"prototype": 2}, "0": "zero", "": null, "\\" => \' $x #{x} \\u0000 \\u2028": [true, false, null, [], {}, "", 0], "numbers": [0, -1, 9007199254740993, 18446744073709551616, -1180591620717411303424, 1e-07, 1.5e300, 0.1, -2.5]}}';

$client = new GuzzleHttp\Client();
try {
    $response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
        'headers' => ['Authorization' => "Bearer $key", 'Content-Type' => 'application/json'],
        'body' => $body,
        'http_errors' => false,
    ]);
    $status = $response->getStatusCode();
    $stream = $response->getBody();
    $status < 400 || fail("$status $stream");
    $all = (string) $stream;
} catch (RuntimeException $error) {
    fail(strtok($error->getMessage(), "\n"));
}

$answer = read($all) ?? fail("$status $all");
$message = $answer['choices'][0]['message'] ?? $answer;
$text = $message['content'] ?? '';
echo is_string($text) && $text !== '' ? $text : json_encode($message), "\n";
