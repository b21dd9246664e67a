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
    'messages' => [
        ['role' => 'system', 'content' => 'Be brief.'],
        ['role' => 'user', 'content' => 'Answer in JSON.'],
    ],
    'temperature' => 0.7,
    'top_p' => 0.95,
    'top_k' => 40,
    'min_p' => 0.05,
    'top_a' => 0.1,
    'seed' => 42,
    'frequency_penalty' => -0.5,
    'presence_penalty' => 1.0,
    'repetition_penalty' => 1.1,
    'max_tokens' => 256,
    'stop' => ['END', "\n\n"],
    'verbosity' => 'low',
    'logprobs' => true,
    'top_logprobs' => 5,
    'logit_bias' => (object) ['0' => -100.0, '1' => 12.5],
    'response_format' => ['type' => 'json_object'],
    'structured_outputs' => false,
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
    ],
    'tool_choice' => [
        'type' => 'function',
        'function' => ['name' => 'forecast'],
    ],
    'parallel_tool_calls' => false,
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
