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
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Answer in JSON."}
  ],
  "temperature": 0.7,
  "top_p": 0.95,
  "top_k": 40,
  "min_p": 0.05,
  "top_a": 0.1,
  "seed": 42,
  "frequency_penalty": -0.5,
  "presence_penalty": 1.0,
  "repetition_penalty": 1.1,
  "max_tokens": 256,
  "stop": ["END", "\n\n"],
  "verbosity": "low",
  "logprobs": true,
  "top_logprobs": 5,
  "logit_bias": {"0": -100.0, "1": 12.5},
  "response_format": {"type": "json_object"},
  "structured_outputs": false,
  "tools": [
    {
      "type": "function",
      "function": {
        "name": "forecast",
        "description": "The weather of the next days",
        "parameters": {
          "type": "object",
          "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"}
          },
          "required": ["city", "days"],
          "additionalProperties": false
        }
      }
    }
  ],
  "tool_choice": {"type": "function", "function": {"name": "forecast"}},
  "parallel_tool_calls": false
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
