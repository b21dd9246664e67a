// One request to a chat-completions endpoint, with net/http.
// Install: apt install golang-go
// Run:     go run ask.go
// Key:     the environment variable WCODE_API_KEY
package main

import (
	"bufio"
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

type event struct {
	Error   any
	Choices []struct {
		Delta struct{ Content string }
	}
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

	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadString('\n')
		data := strings.TrimSpace(strings.TrimPrefix(line, "data:"))
		if strings.HasPrefix(data, "{") {
			show(data)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println()
}

func show(data string) {
	var parsed event
	if err := json.Unmarshal([]byte(data), &parsed); err != nil {
		log.Fatal(err)
	}
	if parsed.Error != nil {
		log.Fatal(parsed.Error)
	}
	for _, choice := range parsed.Choices {
		fmt.Print(choice.Delta.Content)
	}
}
