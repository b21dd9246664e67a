<?php

// One request to a chat-completions endpoint, with Guzzle.
// Install: PHP 8.1 or newer; composer require guzzlehttp/guzzle
// Run:     php ask.php
// Key:     the environment variable WCODE_API_KEY

require __DIR__ . '/vendor/autoload.php';

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
try {
    $response = $client->post('https://wcode.net/api/gpt/v1/chat/completions', [
        'headers' => ['Authorization' => "Bearer $key", 'Content-Type' => 'application/json'],
        'body' => $body,
        'http_errors' => false,
    ]);
    $status = $response->getStatusCode();
    $stream = $response->getBody();
    $status < 400 || fail("$status $stream");
    $all = (string) $stream;
} catch (RuntimeException $error) {
    fail(strtok($error->getMessage(), "\n"));
}

$answer = read($all) ?? fail("$status $all");
$message = $answer['choices'][0]['message'] ?? $answer;
$text = $message['content'] ?? '';
echo is_string($text) && $text !== '' ? $text : json_encode($message), "\n";
