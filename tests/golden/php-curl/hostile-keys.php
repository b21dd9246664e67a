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

$body = '{"model": "qwen/qwen-2.5-7b-instruct", "messages": [{"role": "user", "content": "Hello"}], "metadata": {"__proto__": 1, "constructor": {"prototype": 2}, "0": "zero", "": null, "\\" => \' $x #{x} \\u0000 \\u2028": [true, false, null, [], {}, "", 0], "numbers": [0, -1, 9007199254740993, 18446744073709551616, -1180591620717411303424, 1e-07, 1.5e300, 0.1, -2.5]}}';

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
