// One request to a chat-completions endpoint, with net/http.
// Install: Go 1.19 or newer; nothing else
// Run:     go run ask.go
// Key:     the environment variable WCODE_API_KEY
package main

import (
	"bufio"
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
  "messages": [{"role": "user", "content": "数到三。"}],
  "temperature": 0.0,
  "top_k": 1,
  "stream": true
}`

type part struct{ Content any }

type answer struct {
	Error   any
	Choices []struct {
		Delta        part
		Message      *part
		FinishReason any `json:"finish_reason"`
	}
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
	if response.StatusCode >= 400 {
		text, _ := io.ReadAll(response.Body)
		log.Fatalf("%d %s", response.StatusCode, text)
	}

	var all, last []byte
	shown, ended := false, false
	take := func(line []byte) {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		field, data, _ := bytes.Cut(line, []byte(":"))
		data = bytes.TrimSpace(data)
		if string(field) != "data" && string(field) != "error" || len(data) == 0 {
			return
		}
		last = data
		if string(data) == "[DONE]" {
			ended = true
			return
		}
		event, ok := read(data)
		if !ok || string(field) == "error" {
			log.Fatalf("%s", data)
		}
		for _, choice := range event.Choices {
			delta := choice.Delta
			if choice.Message != nil {
				delta, ended = *choice.Message, true
			}
			text, _ := delta.Content.(string)
			fmt.Print(text)
			shown = shown || text != ""
			ended = ended || choice.FinishReason != nil
		}
	}

	lines := bufio.NewReader(response.Body)
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		all = append(all, line...)
		for _, line := range bytes.Split(line, []byte("\r")) {
			take(line)
		}
	}
	if err != io.EOF {
		log.Fatal(err)
	}
	if !shown && !ended {
		take(append([]byte("data:"), all...)) // the server does not stream
	}
	if !ended {
		log.Fatalf("the answer was cut off: %s", last)
	}
	if !shown {
		fmt.Print(string(all))
	}
	fmt.Println()
}
