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

Map<String, dynamic>? read(String text) {
  try {
    final answer = jsonDecode(text);
    if (answer is! Map<String, dynamic>) return null;
    return [null, false, ''].contains(answer['error']) ? answer : null;
  } on FormatException {
    return null;
  }
}

var last = '', shown = false, ended = false;

void take(String line) {
  final form = RegExp(r'^\uFEFF?(data|error):[ \uFEFF]*(.*\S)', dotAll: true);
  final found = form.firstMatch(line);
  if (found == null) return;
  last = found[2]!;
  ended = ended || last == '[DONE]';
  if (last == '[DONE]') return;
  final event = found[1] == 'data' ? read(last) : null;
  if (event == null) fail(last);
  if (event case {'choices': [Map choice, ...]}) {
    if (choice['delta'] ?? choice['message'] case {'content': String text}) {
      stdout.write(text);
      shown = shown || text != '';
    }
    ended = ended || (choice['message'] ?? choice['finish_reason']) != null;
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
    final decoder = const Utf8Decoder(allowMalformed: true);
    final texts = response.stream.transform(decoder);
    if (response.statusCode >= 400) {
      fail('${response.statusCode} ${await texts.join()}');
    }
    final all = StringBuffer();
    await for (final line in texts.transform(const LineSplitter())) {
      all.writeln(line);
      take(line);
    }
    if (!shown && !ended) take('data:$all'); // the server does not stream
    if (!ended) fail('the answer was cut off: $last');
    stdout.writeln(shown ? '' : all);
  } on Exception catch (error) {
    fail('$error');
  }
}
