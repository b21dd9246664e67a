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
      "role": "user",
      "content": [
        {
          "type": "image_url",
          "image_url": {
            "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQCLgDAAH4AVXSujU3AAAAAElFTkSuQmCC"
          }
        },
        {"type": "text", "text": "One,"},
        {
          "type": "image_url",
          "image_url": {"url": "https://example.com/b.png?x=$1&y='{2}'"}
        },
        {"type": "text", "text": " two."}
      ]
    }
  ],
  "max_tokens": 9
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
