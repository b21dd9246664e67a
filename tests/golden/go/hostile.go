// One request to a chat-completions endpoint, with net/http.
// Install: Go 1.19 or newer; nothing else
// Run:     go run ask.go
// Key:     the environment variable WCODE_API_KEY
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

const body = `{
  "model": "qwen/qwen-2.5-7b-instruct",
  "messages": [
    {
      "role": "system",
      "content": "quotes ' \" \u0060 ''' \"\"\" \u0060\u0060\u0060 “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) \u0060id\u0060 {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" \u0060\u0060 EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    },
    {
      "role": "user",
      "content": "quotes ' \" \u0060 ''' \"\"\" \u0060\u0060\u0060 “ ” and \\ \\\\ \\n \\u0041 \\x41 \\\nfill-ins $x ${x} $(id) \u0060id\u0060 {$x} #{x} #$x #@x %s %n %% {{ x }} {% x %} \\(x)\nraw strings \"# \"## r#\" \"### \"\"\"# \\#(x) R\"( )\" @\"\" $@\"\" \u0060\u0060 EOF JSON\nJSON\ncomments // /* */ # -- <!-- --> ?> <?php </script> ??= ???/ ??( *\\\nends C:\\new\\table\\user \\\ncontrol \u0000 \u0001 \u0007 \u0008 \u000b \u000c \u001b \u007f \u0085 \r \t end\ninvisible \u2028 \u2029 \u200b \u200d \u202e \u2066 \ufeff \u00a0 \ufffe\nscripts 你好，世界 Ελληνικά العربية 🙂 👩\u200d👩\u200d👧 𝔘 \udb40\udc41 \udbff\udfff\n\\"
    }
  ],
  "stop": ["\\", "'", "\""]
}`

type part struct{ Content any }

type answer struct {
	Error   any
	Choices []struct{ Message *json.RawMessage }
}

func read(data []byte) (parsed answer, ok bool) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	err := json.Unmarshal(data, &parsed)
	failed := parsed.Error != nil && parsed.Error != false && parsed.Error != ""
	return parsed, err == nil && data[0] == '{' && !failed
}

func main() {
	log.SetFlags(0)
	key := os.Getenv("WCODE_API_KEY")
	if key == "" {
		log.Fatal("WCODE_API_KEY must hold your key")
	}

	request, err := http.NewRequest("POST", "https://wcode.net/api/gpt/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	parsed, ok := read(text)
	if response.StatusCode >= 400 || !ok {
		log.Fatalf("%d %s", response.StatusCode, text)
	}

	if len(parsed.Choices) > 0 && parsed.Choices[0].Message != nil {
		text = *parsed.Choices[0].Message
	}
	var message part
	json.Unmarshal(text, &message)
	if content, _ := message.Content.(string); content != "" {
		text = []byte(content)
	}
	fmt.Println(string(text))
}
