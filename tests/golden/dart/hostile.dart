// One request to a chat-completions endpoint, with http.
// Install: dart pub add http
// Run:     dart run ask.dart
// Key:     the environment variable WCODE_API_KEY
import 'dart:convert';
import 'dart:io';

import 'package:http/http.dart' as http;

const body = r"""
{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "system",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    },
    {
      "role": "user",
      "content": "quotes ' \" ` ''' \"\"\" ``` “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) `id` {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" `` EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    }
  ],
  "stop": ["\\", "'", "\""]
}""";

Never fail(String message) {
  stderr.writeln(message);
  exit(1);
}

Map<String, dynamic>? read(String text) {
  try {
    final answer = jsonDecode(text);
    if (answer is! Map<String, dynamic>) return null;
    return [null, false, ''].contains(answer['error']) ? answer : null;
  } on FormatException {
    return null;
  }
}

Future<void> main() async {
  final key = Platform.environment['WCODE_API_KEY'] ?? '';
  if (key.isEmpty) fail('WCODE_API_KEY must hold your key');

  final url = Uri.parse('https://wcode.net/api/gpt/v1/chat/completions');
  final request = http.Request('POST', url)
    ..headers['Authorization'] = 'Bearer $key'
    ..headers['Content-Type'] = 'application/json; charset=utf-8'
    ..body = body;
  try {
    final response = await request.send();
    final bytes = await response.stream.toBytes();
    final text = utf8.decode(bytes, allowMalformed: true);
    final answer = response.statusCode < 400 ? read(text) : null;
    if (answer == null) fail('${response.statusCode} $text');
    print(switch (answer) {
      {'choices': [{'message': {'content': String s}}, ...]} when s != '' => s,
      {'choices': [{'message': Map message}, ...]} => jsonEncode(message),
      _ => jsonEncode(answer),
    });
  } on Exception catch (error) {
    fail('$error');
  }
}
