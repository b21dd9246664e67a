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

$body = '{"model": "qwen/qwen-2.5-7b-instruct", "messages": [{"role": "user", "content": "Hello"}], "metadata": {"__proto__": 1, "constructor": {"prototype": 2}, "0": "zero", "": null, "\\" => \' $x #{x} \\u0000 \\u2028": [true, false, null, [], {}, "", 0], "numbers": [0, -1, 9007199254740993, 18446744073709551616, -1180591620717411303424, 1e-07, 1.5e300, 0.1, -2.5]}}';

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
