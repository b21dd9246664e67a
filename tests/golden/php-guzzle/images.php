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
    'messages' => [
        [
            'role' => 'user',
            'content' => [
                [
                    'type' => 'image_url',
                    'image_url' => [
                        'url' => 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC',
                    ],
                ],
                ['type' => 'text', 'text' => 'One,'],
                [
                    'type' => 'image_url',
                    'image_url' => [
                        'url' => 'https://example.com/b.png?x=$1&y=\'{2}\'',
                    ],
                ],
                ['type' => 'text', 'text' => ' two.'],
            ],
        ],
    ],
    'max_tokens' => 9,
]);

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
