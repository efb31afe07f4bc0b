package teams

import (
	"net/url"
	"testing"
)

func TestReadLink(t *testing.T) {
	t.Parallel()
	const (
		thread  = "19:meeting_MTIz@thread.v2"
		context = `{"Tid":"11111111-2222-3333-4444-555555555555","Oid":"66666666-7777-8888-9999-000000000000"}`
		join    = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_MTIz%40thread.v2/0?context=%7b%22Tid%22%3a%2211111111-2222-3333-4444-555555555555%22%2c%22Oid%22%3a%2266666666-7777-8888-9999-000000000000%22%7d"
	)
	q := url.QueryEscape
	same := meetingKey{joinURL: join}
	for link, want := range map[string]meetingKey{
		join:              same,
		" <" + join + ">": same,
		"https://teams.microsoft.com/l/meetup-join/" + thread + "/0?context=" + q(context):                                                                   same,
		"https://TEAMS.microsoft.com/l/meetup-join/19%3Ameeting_MTIz%40thread.v2/0?anon=true&context=" + q(context):                                          same,
		"https://teams.cloud.microsoft/l/meetup-join/" + thread + "/0?context=" + q(context):                                                                 same,
		"https://teams.microsoft.com/l/meetup-join/19%253ameeting_MTIz%2540thread.v2/0?context=" + q(context):                                                same,
		"https://teams.microsoft.com/_#/l/meetup-join/" + thread + "/0?context=" + q(context):                                                                same,
		"https://teams.microsoft.com/dl/launcher/launcher.html?url=" + q("/_#/l/meetup-join/"+thread+"/0?context="+q(context)+"&anon=true") + "&type=meetup": same,
		"https://eur01.safelinks.protection.outlook.com/ap/t-59584e83/?url=" + q(join) + "&data=05%7C01&reserved=0":                                          same,
		"msteams:/l/meetup-join/" + thread + "/0?context=" + q(context):                                                                                      same,
		"https://teams.microsoft.com/meet/281234567890?p=aBcDeF":                                                                                             {joinID: "281234567890"},
		"281 234 567 890": {joinID: "281234567890"},
		"https://teams.microsoft.com/l/chat/" + q(thread) + "/conversations": {chatID: thread},
		"https://teams.microsoft.com/l/message/" + thread + "/1700000000000": {chatID: thread},
		"https://gov.teams.microsoft.us/l/meetup-join/" + thread + "/0?context=" + q(context): {
			joinURL: "https://gov.teams.microsoft.us" + join[len("https://teams.microsoft.com"):],
		},
	} {
		got, ok := readLink(link)
		if !ok || got != want {
			t.Errorf("%s\n got %v %+v\nwant %+v", link, ok, got, want)
		}
	}
	for _, link := range []string{
		"", "hello", "https://teams.microsoft.com/", "https://evil.example/meet/281234567890", "https://teams.microsoft.com.evil.example/meet/281234567890",
		"https://teams.microsoft.com/l/meetup-join/" + thread + "/0", "https://teams.microsoft.com/l/meetup-join/" + thread + "/0?context=x",
		"https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example%2Fmeet%2F281234567890", "https://teams.microsoft.com/l/chat/19:abc@thread.v2/0", "%zz",
	} {
		if got, ok := readLink(link); ok {
			t.Errorf("%s was read as %+v", link, got)
		}
	}
}

func TestFilterStaysAValue(t *testing.T) {
	t.Parallel()
	key, ok := readLink("https://teams.microsoft.com/l/meetup-join/x'%20or%201%20eq%201/0?context=" + url.QueryEscape(`{"Tid":"1' or '1","Oid":"2"}`))
	if want := "joinWebUrl eq 'https://teams.microsoft.com/l/meetup-join/x%27+or+1+eq+1/0?context=%7b%22Tid%22%3a%221%27+or+%271%22%2c%22Oid%22%3a%222%22%7d'"; !ok || key.filter().String() != want {
		t.Errorf("%v %s, want %s", ok, key.filter(), want)
	}
}
