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
  "messages": [{"role": "user", "content": "你好"}]
}""";

Never fail(String message) {
  stderr.writeln(message.trim().isEmpty ? 'the answer is empty' : message);
  exit(1);
}

Map<String, dynamic>? read(String text) {
  try {
    final answer = jsonDecode(text);
    if (answer is Map<String, dynamic> && answer['error'] == null) return answer;
  } on FormatException {
    // no answer
  }
  return null;
}

Future<void> main() async {
  final key = Platform.environment['WCODE_API_KEY'] ?? '';
  if (key.isEmpty) fail('WCODE_API_KEY must hold your key');

  final url = Uri.parse('https://wcode.net/api/gpt/v1/chat/completions');
  final headers = {
    'Authorization': 'Bearer $key',
    'Content-Type': 'application/json; charset=utf-8',
  };
  try {
    final response = await http.post(url, headers: headers, body: body);
    final text = utf8.decode(response.bodyBytes, allowMalformed: true);
    final answer = response.statusCode < 400 ? read(text) : null;
    if (answer == null) fail('${response.statusCode} $text');

    final choices = answer['choices'];
    final first = choices is List && choices.isNotEmpty ? choices[0] : null;
    final message = first?['message'] ?? answer;
    final content = message['content'];
    print(content is String && content != '' ? content : jsonEncode(message));
  } on Exception catch (error) {
    fail('$error');
  }
}
