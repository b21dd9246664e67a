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
    'messages' => [['role' => 'user', 'content' => '数到三。']],
    'temperature' => 0.0,
    'top_k' => 1,
    'stream' => true,
]);

function show(string $line): void
{
    if (!preg_match('/^data: *({.*)/', $line, $found)) {
        return;
    }
    $event = json_decode($found[1], true);
    if (isset($event['error'])) {
        fwrite(STDERR, json_encode($event['error']) . "\n");
        exit(1);
    }
    echo $event['choices'][0]['delta']['content'] ?? '';
}

$rest = '';
$curl = curl_init('https://wcode.net/api/gpt/v1/chat/completions');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer $key",
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_WRITEFUNCTION => function ($curl, string $chunk) use (&$rest): int {
        $rest .= $chunk;
        if (curl_getinfo($curl, CURLINFO_RESPONSE_CODE) < 400) {
            $lines = explode("\n", $rest);
            $rest = array_pop($lines);
            array_map('show', $lines);
        }
        return strlen($chunk);
    },
]);
curl_exec($curl);
if (curl_errno($curl)) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if ($status >= 400) {
    fwrite(STDERR, "$status $rest\n");
    exit(1);
}

echo "\n";
