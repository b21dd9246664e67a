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
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}""";

Never fail(String message) {
  stderr.writeln(message);
  exit(1);
}

Future<void> main() async {
  final key = Platform.environment['WCODE_API_KEY'] ?? '';
  if (key.isEmpty) fail('WCODE_API_KEY must hold your key');

  final url = Uri.parse('https://wcode.net/api/gpt/v1/chat/completions');
  final headers = {
    'Authorization': 'Bearer $key',
    'Content-Type': 'application/json; charset=utf-8',
  };
  final client = http.Client();
  final request = http.Request('POST', url)
    ..headers.addAll(headers)
    ..body = body;
  final response = await client.send(request);
  if (response.statusCode >= 400) {
    fail('${response.statusCode} ${await response.stream.bytesToString()}');
  }

  final lines = response.stream
      .transform(utf8.decoder)
      .transform(const LineSplitter());
  await for (final line in lines) {
    if (!line.startsWith(RegExp(r'data: *\{'))) continue;
    final event = jsonDecode(line.substring('data:'.length));
    if (event['error'] != null) fail('${event['error']}');
    for (final choice in event['choices']) {
      stdout.write(choice['delta']['content'] ?? '');
    }
  }
  stdout.writeln();
  client.close();
}
