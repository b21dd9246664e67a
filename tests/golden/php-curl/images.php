<?php

// One request to a chat-completions endpoint, with cURL.
// Install: PHP 8.1 or newer with its curl extension
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

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
$all = curl_exec($curl);
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
if (curl_errno($curl) || $status >= 400) {
    fail(curl_error($curl) ?: "$status $all");
}

$answer = read($all) ?? fail("$status $all");
$message = $answer['choices'][0]['message'] ?? $answer;
$text = $message['content'] ?? '';
echo is_string($text) && $text !== '' ? $text : json_encode($message), "\n";
