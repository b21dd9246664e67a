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

var shown = false;
var ended = false;

void show(String data) {
  final event = read(data) ?? fail(data);
  for (final choice in event['choices'] ?? []) {
    final text = (choice['delta'] ?? choice['message'] ?? {})['content'];
    if (text is String && text != '') {
      stdout.write(text);
      shown = true;
    }
    if ((choice['message'] ?? choice['finish_reason']) != null) ended = true;
  }
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
    await ask(url, headers);
  } on Exception catch (error) {
    fail('$error');
  }
}

Future<void> ask(Uri url, Map<String, String> headers) async {
  final client = http.Client();
  final request = http.Request('POST', url)
    ..headers.addAll(headers)
    ..body = body;
  final response = await client.send(request);
  final decoder = const Utf8Decoder(allowMalformed: true);
  if (response.statusCode >= 400) {
    fail('${response.statusCode} ${decoder.convert(await response.stream.toBytes())}');
  }

  final all = StringBuffer();
  final lines =
      response.stream.transform(decoder).transform(const LineSplitter());
  await for (final line in lines) {
    all.writeln(line);
    final form = RegExp(r'^\uFEFF?(data|error): *(.*\S)', dotAll: true);
    final found = form.firstMatch(line);
    if (found == null) continue;
    final data = found[2]!;
    if (found[1] == 'error') fail(data);
    data == '[DONE]' ? ended = true : show(data);
  }
  if (!shown && !ended) show('$all');
  if (!ended) fail('the answer was cut off');
  stdout.writeln(shown ? '' : all);
  client.close();
}
