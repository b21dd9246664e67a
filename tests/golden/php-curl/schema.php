<?php

// One request to a chat-completions endpoint, with cURL.
// Install: apt install php-cli php-curl
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

$key = getenv('WCODE_API_KEY');
if (!$key) {
    fwrite(STDERR, "WCODE_API_KEY must hold your key\n");
    exit(1);
}

$body = json_encode([
    'model' => 'qwen/qwen-2.5-7b-instruct',
    'messages' => [['role' => 'user', 'content' => 'A trip, as JSON.']],
    'response_format' => [
        'type' => 'json_schema',
        'json_schema' => [
            'name' => 'trip',
            'strict' => true,
            'schema' => [
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
    'structured_outputs' => true,
]);

$curl = curl_init('https://wcode.net/api/gpt/v1/chat/completions');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer $key",
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_RETURNTRANSFER => true,
]);
$response = curl_exec($curl);
if (curl_errno($curl)) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if ($status >= 400) {
    fwrite(STDERR, "$status $response\n");
    exit(1);
}

$answer = json_decode($response, true);
echo $answer['choices'][0]['message']['content'] ?? $response, "\n";
