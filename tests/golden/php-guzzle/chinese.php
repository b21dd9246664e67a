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
        ['role' => 'system', 'content' => '你是一位严谨的编辑。'],
        [
            'role' => 'user',
            'content' => "请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n请阅读下面的说明，然后用三句话概括：\n模型按概率逐个生成词元；“温度”越低，回答越稳定，反之越多样。\n　　第二段以全角空格开头——标点（如「引号」、《书名》）也要原样保留。\n",
        ],
    ],
    'max_tokens' => 8192,
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
