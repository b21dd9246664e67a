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
