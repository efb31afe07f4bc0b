// A morning of one person, through the TypeScript SDK of generation 2: what a model
// would do, step by step, with no id that a tool has not given.
// Arguments: one JSON object {url, upn, since}.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Provider, call, signIn } from './person.mjs';

const task = JSON.parse(process.argv[2]);
const provider = new Provider(task.upn);
const { client } = await signIn({
  provider,
  unauthorized: UnauthorizedError,
  newClient: () => new Client({ name: 'journey', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } }),
  newTransport: () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: provider }),
  finish: (t, callback) => t.finishAuth(callback.searchParams),
});
await client.listTools(); // from here on the SDK holds results against the output schemas
const use = (name, args = {}) => call(client, name, args);
const report = {};

// A mail by words and date, and the text of its attachment.
const found = await use('searchEmails', { query: 'customs hold', from: 'ines.moura', since: task.since, hasAttachment: true, count: 5 });
const mail = await use('getEmail', { id: found.emails[0].id });
const file = mail.files.find((f) => f.name.endsWith('.pdf'));
report.attachment = (await use('getAttachment', { emailId: mail.id, attachmentId: file.id })).text;

// An answer, kept as a draft in the mail's thread.
const draft = await use('createDraft', { replyTo: mail.id, body: '<p>The corrected papers follow tomorrow.</p>' });
report.draft = await use('getEmail', { id: draft.id, fields: ['conversationId', 'recipients', 'history'] });
report.thread = (await use('getEmail', { id: mail.id, fields: ['conversationId'] })).conversationId;

// A time when three people are free, a meeting then, and a word about it in a channel.
const attendees = [];
for (const name of ['Bruno Carvalho', 'Emeka', 'Freya Brandt']) {
  attendees.push((await use('findPeople', { query: name })).people[0].mail);
}
const { times } = await use('findMeetingTimes', { attendees, durationMinutes: 30 });
report.time = times[0];
report.meeting = await use('createCalendarEvent', {
  subject: 'Customs papers for Lisbon', start: times[0].start, end: times[0].end, attendees, isOnlineMeeting: true,
  body: 'Who sends what to the customs office.',
});
const { tools } = await use('findTools', { query: 'which channels are in my teams' });
report.finds = tools.map((t) => [t.name, t.runWith]);
const lister = tools.find((t) => t.name === 'listTeams');
const { teams } = await use(lister.runWith, { name: lister.name, arguments: { query: 'Pelago' } });
const channel = teams[0].channels.find((c) => c.displayName === 'General');
report.post = await use('sendTeamsMessage', { channelId: channel.id, message: `We meet about the customs papers: ${report.meeting.start}` });

// Files: a list, a Word document, a PDF.
const listing = (await use('findTools', { query: 'list the files of a folder' })).tools.find((t) => t.name === 'listFiles');
report.files = (await use(listing.runWith, { name: 'listFiles', arguments: { path: 'Documents', count: 10 } })).files.map((f) => f.name);
const read = async (query, type) => {
  const { files } = await use('searchFiles', { query, type, count: 1 });
  return { name: files[0].name, id: files[0].id, ...(await use('readFile', { id: files[0].id })) };
};
report.docx = await read('shipment', 'docx');
report.pdf = await read('customs', 'pdf');

// Everywhere at once.
const everywhere = await use('searchAll', { query: 'Lisbon' });
report.types = [...new Set(everywhere.results.map((r) => r.type))].sort();
report.notGranted = everywhere.notGranted ?? [];

// Resources, templates, prompts.
const resource = async (uri) => JSON.parse((await client.readResource({ uri })).contents[0].text);
const event = (await use('getCalendarEvents', { days: 14 })).events[0];
report.resources = {
  profile: (await resource('microsoft://profile')).userPrincipalName,
  calendars: (await resource('microsoft://calendars')).calendars.map((c) => c.name),
  teams: (await resource('microsoft://teams')).teams.map((t) => t.displayName),
  mail: (await resource(`microsoft://mail/${mail.id}`)).subject,
  event: (await resource(`microsoft://event/${event.id}`)).subject === event.subject,
  file: (await resource(`microsoft://file/${report.pdf.id}`)).name,
};
const prompt = async (name, args) => (await client.getPrompt({ name, arguments: args })).messages[0].content.text;
report.prompts = {
  dayBriefing: await prompt('dayBriefing', { day: 'tomorrow' }),
  meetingPreparation: await prompt('meetingPreparation', { meeting: 'the board review' }),
  replyDraft: await prompt('replyDraft', { email: 'the one from Inês' }),
  findTime: await prompt('findTime', { people: 'Bruno and Freya' }),
  inboxTriage: await prompt('inboxTriage', {}),
};
report.promptWithoutArgument = await prompt('findTime', {}).then(() => 'accepted', (error) => error.message);
report.signIns = provider.signIns;
console.log(JSON.stringify(report));
await client.close();
