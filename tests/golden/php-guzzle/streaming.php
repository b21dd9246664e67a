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
    'messages' => [['role' => 'user', 'content' => '数到三。']],
    'temperature' => 0.0,
    'top_k' => 1,
    'stream' => true,
]);

$client = new GuzzleHttp\Client();
$response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
    'headers' => [
        'Authorization' => "Bearer $key",
        'Content-Type' => 'application/json',
    ],
    'body' => $body,
    'http_errors' => false,
    'stream' => true,
]);
if ($response->getStatusCode() >= 400) {
    fwrite(STDERR, $response->getStatusCode() . " {$response->getBody()}\n");
    exit(1);
}

$stream = $response->getBody();
while (!$stream->eof()) {
    $line = GuzzleHttp\Psr7\Utils::readLine($stream);
    if (!preg_match('/^data: *({.*)/', $line, $found)) {
        continue;
    }
    $event = json_decode($found[1], true);
    if (isset($event['error'])) {
        fwrite(STDERR, json_encode($event['error']) . "\n");
        exit(1);
    }
    echo $event['choices'][0]['delta']['content'] ?? '';
}
echo "\n";
