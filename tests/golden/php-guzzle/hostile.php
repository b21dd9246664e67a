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
        [
            'role' => 'system',
            'content' => "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins \$x \${x} \$(id) `id` {\$x} #{x} #\$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" \$@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
        ],
        [
            'role' => 'user',
            'content' => "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins \$x \${x} \$(id) `id` {\$x} #{x} #\$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" \$@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u{0} \u{1} \u{7} \u{8} \u{b} \u{c} \u{1b} \u{7f} \u{85} \r \t end\ninvisible \u{2028} \u{2029} \u{200b} \u{200d} \u{202e} \u{2066} \u{feff} \u{a0} \u{fffe}\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u{200d}👩\u{200d}👧 𝔘 \u{e0041} \u{10ffff}\n\\",
        ],
    ],
    'stop' => ['\\', '\'', '"'],
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
