/** What a client that no person sits at gets to see: its tools, one that works, and one of a person's. */
export async function useAsService(client, provider) {
  const { tools } = await client.listTools();
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    return { failed: result.isError === true, text: result.content.map((c) => c.text).join('') };
  };
  const tokens = await provider.tokens();
  return {
    tools: tools.map((t) => t.name).sort(),
    own: await call('authenticate', {}),
    persons: await call('getEmails', { count: 1 }),
    scope: tokens.scope,
    refreshable: tokens.refresh_token !== undefined,
  };
}
