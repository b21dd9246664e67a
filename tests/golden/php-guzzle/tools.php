<?php

// One request to a chat-completions endpoint, with Guzzle.
// Install: PHP 8.1 or newer; composer require guzzlehttp/guzzle
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

require __DIR__ . '/vendor/autoload.php';

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
    'messages' => [['role' => 'user', 'content' => 'Weather in Kraków?']],
    'tools' => [
        [
            'type' => 'function',
            'function' => [
                'name' => 'forecast',
                'description' => 'The weather of the next days',
                'parameters' => [
                    'type' => 'object',
                    'properties' => [
                        'city' => ['type' => 'string'],
                        'days' => ['type' => 'integer'],
                    ],
                    'required' => ['city', 'days'],
                    'additionalProperties' => false,
                ],
            ],
        ],
        [
            'type' => 'function',
            'function' => [
                'name' => 'ping',
                'parameters' => [
                    'type' => 'object',
                    'properties' => (object) [],
                ],
            ],
        ],
    ],
    'tool_choice' => 'auto',
]);

$client = new GuzzleHttp\Client();
try {
    $response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
        'headers' => [
            'Authorization' => "Bearer $key",
            'Content-Type' => 'application/json',
        ],
        'body' => $body,
        'http_errors' => false,
    ]);
    $all = (string) $response->getBody();
    $status = $response->getStatusCode();
} catch (GuzzleHttp\Exception\GuzzleException | RuntimeException $error) {
    fail(strtok($error->getMessage(), "\n"));
}

if ($status >= 400) {
    fail("$status $all");
}
$answer = read($all) ?? fail("$status $all");
$message = $answer['choices'][0]['message'] ?? $answer;
$text = $message['content'] ?? '';
echo is_string($text) && $text !== '' ? $text : json_encode($message), "\n";
