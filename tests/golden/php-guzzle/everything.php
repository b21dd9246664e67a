<?php

// One request to a chat-completions endpoint, with Guzzle.
// Install: composer require guzzlehttp/guzzle
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

require __DIR__ . '/vendor/autoload.php';

$key = getenv('WCODE_API_KEY');
if (!$key) {
    fwrite(STDERR, "WCODE_API_KEY must hold your key\n");
    exit(1);
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
$response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
    'headers' => [
        'Authorization' => "Bearer $key",
        'Content-Type' => 'application/json',
    ],
    'body' => $body,
    'http_errors' => false,
]);
if ($response->getStatusCode() >= 400) {
    fwrite(STDERR, $response->getStatusCode() . " {$response->getBody()}\n");
    exit(1);
}

$answer = json_decode($response->getBody(), true);
echo $answer['choices'][0]['message']['content'] ?? $response->getBody(), "\n";
